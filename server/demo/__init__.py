"""The demo: an assembly that everybody can try, with people who are plainly simulated."""
