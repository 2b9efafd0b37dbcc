import tseslint from 'typescript-eslint';

/**
 * The walls of the house: which room of lib/ may import which, and which packages live where. test/walls.test.ts checks
 * that every room stands here and that there is no import cycle.
 */
export const ROOMS = {
  util: { pure: true, rooms: [] },
  config: { pure: true, rooms: ['util'], packages: ['yaml'] },
  codec: { pure: true, rooms: ['util'] },
  vrrp: { pure: true, rooms: ['util', 'config', 'codec'] },
  ipvs: { pure: true, rooms: ['util', 'config', 'codec'] },
  bfd: { pure: true, rooms: ['util', 'config', 'codec'] },
  system: { pure: true, rooms: ['util', 'codec'] },
  check: { rooms: ['util', 'config', 'system'], packages: ['dns-packet'] },
  linux: { rooms: ['util', 'codec', 'system'], packages: ['raw-socket', 'netlink', 'cap', 'koffi'] },
  daemon: { rooms: ['util', 'config', 'codec', 'vrrp', 'ipvs', 'bfd', 'system', 'check'], packages: ['pino', 'nodemailer', 'jiti'] },
};

/** Rooms that wire the others together. */
export const WIRING = ['cli'];

const GUARDED = ['yaml', 'raw-socket', 'netlink', 'cap', 'koffi', 'pino', 'nodemailer', 'jiti', 'commander', 'dns-packet'];
const IMPURE = ['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'process', 'console', 'fetch', 'Buffer'];

const walls = Object.entries(ROOMS).map(([room, { pure = false, rooms, packages = [] }]) => ({
  files: [`lib/${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': ['error', {
      patterns: [
        ...[...Object.keys(ROOMS), ...WIRING]
          .filter((other) => other !== room && !rooms.includes(other))
          .map((other) => ({ regex: `^(\\.\\./)+${other}/`, message: `lib/${room} may not import lib/${other}` })),
        { regex: '^(\\.\\./)+index\\.ts$', message: 'lib/index.ts is for users' },
        ...GUARDED.filter((name) => !packages.includes(name)).map((name) => ({ regex: `^${name}(/|$)`, message: `${name} does not belong in lib/${room}` })),
        ...(pure ? [{ regex: '^node:', message: `lib/${room} is pure` }] : []),
      ],
    }],
    ...(pure
      ? {
          'no-restricted-globals': ['error', ...IMPURE.map((name) => ({ name, message: `lib/${room} is pure` }))],
          'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: `lib/${room} is pure` }],
        }
      : {}),
  },
}));

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/'] },
  ...tseslint.configs.recommendedTypeChecked.map((c) => ({ ...c, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['conf/*.ts'] }, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { allowDefaultCaseForExhaustiveSwitch: false, considerDefaultExhaustiveForUnions: false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-empty': ['error', { allowEmptyCatch: false }],
    },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
  ...walls,
);
