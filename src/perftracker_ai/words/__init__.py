"""Words and numbers as people read them: said once here, used by every reader and writer."""
