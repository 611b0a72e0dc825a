"""The pages that people read, and their charts. Not for programs, which use the API."""
