"""What a run found, to read: pages, tables and figures."""
