'use strict';
const { StepFailed } = require('../failure.cjs');

const SUPPORTED = '20.19 or later, or 22';

/** True for the Node versions that this project runs on: >= 20.19 and < 23. */
function supported(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return (major === 20 && minor >= 19) || major === 21 || major === 22;
}

module.exports = {
  id: 'node',
  title: 'Node',
  size: () => process.version,
  supported,
  check() {
    if (supported(process.version)) return true;
    throw new StepFailed(`this is Node ${process.version}, and zsaq runs on Node ${SUPPORTED}`, 'install Node 22 (long-term support), then run the same command again');
  },
};
