"""What one can do, as plain functions: the command line, a notebook and a service call these.

Every function takes paths and settings and returns a folder or a value; none prints, none reads
arguments, none asks. Whoever wants to hear of progress hands in a `Listener`.
"""
