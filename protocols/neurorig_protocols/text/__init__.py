"""Records as text: one form for each quantity, for terminals and pages alike. Nothing here draws."""
