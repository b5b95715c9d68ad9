# The C library's and libgcc's part of the file is Debian's own text, word for word.
old-fsf-address-in-copyright-file *
copyright-refers-to-symlink-license *
# It says which compiler has made the program, of which a part is in there: the SBOM is made of that.
binary-has-unneeded-section .comment *
