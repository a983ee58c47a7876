"""What is under analysis: targets, their changes, and the text of their files."""
