"""Python read by its syntax tree: names followed as far as the text alone says where they lead."""
