"""One module at a time: no framework, and no worker process unless the module is about processes."""
