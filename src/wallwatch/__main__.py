"""`python -m wallwatch`."""

from wallwatch.cli import main

if __name__ == "__main__":
    main()
