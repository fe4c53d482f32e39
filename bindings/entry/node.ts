/** What `import ... from 'oncelog'` gives on Node. */

export const version: string = '0.1.0'
