'use strict';
// `{ x }` with an x of an earlier cell. tslab turns names of earlier cells into `exports.x`, but asks the compiler for the
// symbol of the property, not of the value behind it, and so leaves shorthand as it is: "x is not defined" at run time.

/** What tslab shall see in place of the compiler's own `createWatchProgram` and `visitEachChild`. */
function mend(ts) {
  const isName = (node) => node.parent && ts.isShorthandPropertyAssignment(node.parent) && node.parent.name === node;
  return {
    createWatchProgram(host) {
      const created = host.afterProgramCreate;
      host.afterProgramCreate = (builder) => {
        const checker = builder.getProgram().getTypeChecker();
        const symbolAt = checker.getSymbolAtLocation;
        checker.getSymbolAtLocation = (node) => (isName(node) ? checker.getShorthandAssignmentValueSymbol(node.parent) : symbolAt(node));
        created(builder);
      };
      return ts.createWatchProgram(host);
    },
    visitEachChild(node, visitor, context) {
      if (!ts.isShorthandPropertyAssignment(node)) return ts.visitEachChild(node, visitor, context);
      const { name, objectAssignmentInitializer: fallback } = node;
      const value = visitor(name);
      const visited = fallback && ts.visitNode(fallback, visitor);
      if (value === name && visited === fallback) return node;
      return ts.setTextRange(ts.factory.createPropertyAssignment(name.text, visited ? ts.factory.createAssignment(value, visited) : value), node);
    },
  };
}

module.exports = { mend };
