"""The studio's parts: meter, mastering, filters, encoder; the nodes beside this folder are made of them."""
