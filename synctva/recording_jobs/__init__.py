"""Many recordings of a folder or a table: answered one by one, and continued after a stop."""
