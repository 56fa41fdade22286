"""Model ids changed in a source tree: found as words, planned as a diff, written only when asked."""
