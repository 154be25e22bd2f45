'use strict';
// `npm run lab`: sets up what is missing, then opens JupyterLab on the notebooks. Arguments go to JupyterLab.
require('./notebook/command.cjs').main(['lab', ...process.argv.slice(2)]);
