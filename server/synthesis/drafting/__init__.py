"""Composing drafts: what is shown to a drafter, the drafter without a model, the documents."""
