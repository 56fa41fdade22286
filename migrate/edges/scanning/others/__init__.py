"""Other languages and configuration, read by pattern."""
