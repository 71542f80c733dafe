"""`python -m eco2`."""

from eco2.entry import main

main()
