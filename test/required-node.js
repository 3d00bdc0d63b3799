// Run before the tests, in syntax that any Node understands: an older one would otherwise fail on the first
// type annotation, or accept certificates that it should not.
const needed = 26;
if (Number.parseInt(process.versions.node, 10) < needed) {
  console.error(`error: the tests need Node ${needed} or newer; this is ${process.version}`);
  console.error(
    'hint: run npm ci without --omit=optional, then npm test: npm puts the Node it installed first',
  );
  process.exit(1);
}
