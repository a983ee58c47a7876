"""What runs inside of the project's own interpreters: no module here imports fanfold, or anything that is installed."""
