"""Many measurements that do not depend on each other: run, kept row by row, and gone on with."""
