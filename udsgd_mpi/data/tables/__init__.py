"""Tables: their cells, the rows of each agent, and the rules that make numbers of them."""
