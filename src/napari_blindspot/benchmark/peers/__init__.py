"""What a user would pick instead, each family in a module, each method an array-to-array function."""
