"""What API and pages do alike, written once; none of it knows HTTP."""
