"""Plain documents: YAML and JSON read strictly, and YAML written so that the strict reader takes it."""
