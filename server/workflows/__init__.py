"""Long work as durable workflows: analysis, themes, drafts, exports."""
