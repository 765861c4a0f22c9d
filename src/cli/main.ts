process.stdout.write("waft\n")
