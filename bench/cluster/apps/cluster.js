// Node's own cluster: two workers of the script that is its argument, and
// connections spread as the environment says (NODE_CLUSTER_SCHED_POLICY).
const cluster = require('cluster');
cluster.setupPrimary({ exec: process.argv[2] });
for (let i = 0; i < 2; i++) cluster.fork();
process.on('SIGTERM', () => process.exit(0)); // workers end with their primary
