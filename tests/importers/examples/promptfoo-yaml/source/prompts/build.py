raise SystemExit("a program, which is never run")
