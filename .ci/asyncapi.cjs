// Parses an AsyncAPI document, with the schemas it refers to, and fails on every error the parser finds.
const { Parser, fromFile } = require('@asyncapi/parser');

async function main(path) {
  const { document, diagnostics } = await fromFile(new Parser(), path).parse();
  const errors = diagnostics.filter((d) => d.severity === 0);
  for (const d of errors) {
    console.error(`${path}:${d.range.start.line + 1}: ${d.path.join('.')}: ${d.message}`);
  }
  if (errors.length > 0 || !document) {
    process.exit(1);
  }
  console.log(`${path}: AsyncAPI ${document.version()}, ${document.allOperations().length} operations, ${document.allMessages().length} messages`);
}

main(process.argv[2]);
