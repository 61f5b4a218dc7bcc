"""Room 6: the front door for sparse learning."""
