# A page of the repository as a page of gi-docgen's: its title, links to pages
# and images in one folder, and no links to other files
1s/^# \(.*\)/Title: \1\n\n&/
s#](\(\.\./\|docs/\|notes/\)*\([A-Za-z0-9-]*\)\.md#](\2.html#g
s#](\(docs/\)\?images/#](#g
s#\[\([^]]*\)\](\.\./[^)]*)#\1#g
