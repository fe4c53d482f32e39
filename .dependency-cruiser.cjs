// Who may import whom, type imports included. ARCHITECTURE.md shows the same table: test/house/imports.test.ts compares the two, seeds
// a violation of each rule in a copy and sees it reported.
const rooms = {
  model: [],
  kernel: ['model'],
  compression: ['model'],
  storage: ['model'],
  broker: ['model'],
  log: ['model', 'kernel', 'storage'],
  coordinator: ['model', 'log'],
  engine: ['model', 'storage', 'log', 'coordinator', 'broker'],
  client: ['model', 'broker'],
  // It puts whole logs together over a disk of its own, so it knows their parts.
  testkit: ['model', 'kernel', 'storage', 'broker', 'log', 'engine'],
}
/** The folders of the log, each knows those before it. */
const logFolders = [
  ...[
    'retention',
    'bytes',
    'files',
    'journal',
    'checkpoint',
    'segment',
    'survey',
    'compaction',
    'catalogue',
    'partition',
  ],
  ...['stored-files', 'recovery', 'store', 'new-log', 'salvage', 'import', 'verify'],
]
/** Where a platform's own modules may be named. */
const platformRooms = '^bindings/(storage/drivers|engine/remote|testkit|entry)/'
const drivers = '^bindings/storage/drivers/'
const anyPackage = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown']

const table = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `${room} may import: ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^bindings/${room}/` },
  to: { path: '^bindings/', pathNot: `^bindings/(${[room, ...allowed].join('|')})/` },
}))

const logOrder = logFolders.slice(0, -1).map((folder, at) => ({
  name: `log-${folder}`,
  comment: `log/${folder} may import of the log: ${logFolders.slice(0, at).join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^bindings/log/${folder}/` },
  to: { path: `^bindings/log/(${logFolders.slice(at + 1).join('|')})/` },
}))

module.exports = {
  forbidden: [
    ...table,
    ...logOrder,
    {
      name: 'log-folders-known',
      comment: 'a new folder of the log gets its place in logFolders',
      severity: 'error',
      from: { path: '^bindings/log/[^/]+/', pathNot: `^bindings/log/(${logFolders.join('|')})/` },
      to: {},
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'outside-the-rooms',
      comment: 'bindings/ imports neither the AssemblyScript sources nor tests, benches and examples',
      severity: 'error',
      from: { path: '^bindings/' },
      to: { path: '^(assembly|bench|test|examples)/' },
    },
    {
      name: 'drivers-are-handed-in',
      comment: 'only entries and the testkit choose a driver; everyone else knows the ports',
      severity: 'error',
      from: { path: '^bindings/', pathNot: [drivers, '^bindings/(entry|testkit)/'] },
      to: { path: drivers },
    },
    {
      name: 'drivers-apart',
      comment: 'a driver imports no other driver; the folder of its own name holds its parts',
      severity: 'error',
      from: { path: `${drivers}([^/.]+)[/.]` },
      to: { path: drivers, pathNot: `${drivers}$1[/.]` },
    },
    {
      name: 'coordinators-apart',
      comment: 'transaction, group and share are introduced to each other by the engine',
      severity: 'error',
      from: { path: '^bindings/coordinator/(transaction|group|share)/' },
      to: { path: '^bindings/coordinator/(transaction|group|share)/', pathNot: '^bindings/coordinator/$1/' },
    },
    {
      name: 'history-apart',
      comment: 'the history checker shares no code with what it judges',
      severity: 'error',
      from: { path: '^bindings/testkit/history/' },
      to: { pathNot: '^bindings/testkit/history/' },
    },
    {
      name: 'commands-apart',
      comment: 'one file per command; only main.ts knows them',
      severity: 'error',
      from: { path: '^bindings/entry/cli/commands/([^/]+)$' },
      to: { path: '^bindings/entry/cli/commands/', pathNot: '^bindings/entry/cli/commands/$1$' },
    },
    {
      name: 'platform-modules',
      severity: 'error',
      from: { path: '^bindings/', pathNot: platformRooms },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'platform-modules-by-name',
      comment: 'those that the resolver does not count as core',
      severity: 'error',
      from: { path: '^bindings/', pathNot: platformRooms },
      to: { path: '^(node|cloudflare|bun|deno):' },
    },
    {
      name: 'loader-only-in-kernel',
      severity: 'error',
      from: { path: '^bindings/', pathNot: '^bindings/kernel/' },
      to: { path: 'node_modules/@assemblyscript/' },
    },
    {
      name: 'msgpackr-only-in-its-codec',
      comment: 'only oncelog/msgpack loads it',
      severity: 'error',
      from: { path: '^bindings/', pathNot: '^bindings/entry/msgpack[.]ts$' },
      to: { path: 'node_modules/msgpackr/' },
    },
    {
      name: 'no-other-package',
      comment: 'the library depends on nothing else; the CLI is bundled, its packages are for development',
      severity: 'error',
      from: { path: '^bindings/', pathNot: '^bindings/entry/cli/' },
      to: { dependencyTypes: anyPackage, pathNot: 'node_modules/(@assemblyscript/loader|msgpackr)/' },
    },
    {
      name: 'unresolvable',
      severity: 'error',
      from: {},
      // Generated by build:kernel; the check doesn't need a build.
      to: { couldNotResolve: true, pathNot: ['kernel-bytes', '^#kernel$', '^#zstd$'] },
    },
  ],
  options: {
    // Build scripts that lie beside what they write.
    exclude: { path: '\\.mjs$' },
    doNotFollow: { path: 'node_modules' },
    // Type imports count: a room that names another's types depends on it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'node', 'default'] },
  },
}
