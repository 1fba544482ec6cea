"""What several peers share. No method is declared here; the search for methods leaves this package out."""
