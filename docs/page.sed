# A page of the repository as a page of gi-docgen's: its title, and links to
# pages and images that stand in one folder
1s/^# \(.*\)/Title: \1\n\n&/
s#](\(\.\./\|docs/\|notes/\)*\([A-Za-z0-9-]*\)\.md#](\2.html#g
s#](\(docs/\)\?images/#](#g
