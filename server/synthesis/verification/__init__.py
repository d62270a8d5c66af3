"""Checking drafts in code before anybody sees them (METHODS "Drafts and their verification")."""
