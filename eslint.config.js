// Only what needs types and Biome doesn't check: a promise that nobody waits for. All other rules are in biome.json.
import tseslint from 'typescript-eslint'

export default tseslint.config(
  {
    ignores: [
      '**/node_modules/',
      '**/*.d.ts',
      '**/fixtures/',
      'assembly/',
      'bench/peers/',
      'build/',
      'dist/',
      'coverage/',
    ],
  },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      // `void promise` counts as floating too: who needn't wait says with `.catch` what becomes of a failure.
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: false }],
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
)
