'use strict';
// Mocha's spec reporter, which also writes what came out to the file of its option `counts`, for test/run.mjs.
const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const counts = { passed: 0, failures: [], pending: [], finished: false };
    runner.on('pass', () => (counts.passed += 1));
    runner.on('fail', (test) => counts.failures.push(test.fullTitle()));
    runner.on('pending', (test) => counts.pending.push(test.fullTitle()));
    runner.once('end', () => {
      counts.finished = true;
      writeFileSync(options.reporterOptions.counts, JSON.stringify(counts));
    });
  }
};
