"""What a transfer study found: its scores compared, judged and drawn. Reads rows, never trains."""
