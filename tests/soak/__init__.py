"""The long tests: processes are killed, databases restarted, and everything is counted afterwards. `make soak` runs them."""
