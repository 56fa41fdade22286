exit 1: a program, which is never run
