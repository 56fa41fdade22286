"""The applications that are scanned are read, never collected: some of their files are not even Python."""

collect_ignore_glob = ["apps/*", "examples/*"]
