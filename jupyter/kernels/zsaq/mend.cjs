'use strict';
// Two faults of tslab 1.0.22, mended in what it sees of the compiler.
//
// `{ x }` with an x of an earlier cell: tslab turns names of earlier cells into `exports.x`, but asks for the symbol of the
// property, not of the value behind it, and so leaves shorthand as it is ("x is not defined" at run time).
//
// A file that appears beside a module: the compiler then waits on a second timer, and tslab, which knows of one, throws in
// the middle of the next cell ("Unexpected pending rebuildTimer"). That timer need not run: the next cell's compilation looks.

/** What tslab shall see in place of the compiler's own `createWatchProgram` and `visitEachChild`. */
function mend(ts) {
  const isShorthand = (node) => node.parent && ts.isShorthandPropertyAssignment(node.parent) && node.parent.name === node;

  function seeValues(builder) {
    const checker = builder.getProgram().getTypeChecker();
    const symbolAt = checker.getSymbolAtLocation;
    checker.getSymbolAtLocation = (node) => (isShorthand(node) ? checker.getShorthandAssignmentValueSymbol(node.parent) : symbolAt(node));
  }

  function splitTimers(host) {
    const { setTimeout: start, clearTimeout: clear } = host;
    const idle = new WeakSet();
    host.setTimeout = (callback, ...rest) => {
      if (callback.name !== 'invalidateResolutionsOfFailedLookup') return start(callback, ...rest);
      const timer = {};
      idle.add(timer);
      return timer;
    };
    host.clearTimeout = (timer) => { if (!idle.has(timer)) clear(timer); };
  }

  return {
    createWatchProgram(host) {
      const created = host.afterProgramCreate;
      host.afterProgramCreate = (builder) => { seeValues(builder); created(builder); };
      splitTimers(host);
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
