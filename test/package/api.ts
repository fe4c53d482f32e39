/**
 * The published types as one reviewed text per entry: docs/api/*.api.md. A change shows in the diff or fails the check.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { Extractor, ExtractorConfig, type ExtractorMessage } from '@microsoft/api-extractor'

export function checkApi(exportName: string, declarations: string, write: boolean): void {
  const name = exportName.replace(/^\.\/?/, '') || 'oncelog'
  const messages: string[] = []
  mkdirSync('docs/api', { recursive: true })
  const config = ExtractorConfig.prepare({
    configObjectFullPath: resolve('api-extractor.json'),
    packageJsonFullPath: resolve('package.json'),
    configObject: {
      projectFolder: resolve('.'),
      mainEntryPointFilePath: resolve(declarations),
      compiler: { tsconfigFilePath: resolve('tsconfig.build.json') },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: resolve('docs/api'),
        reportTempFolder: resolve('build/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' as never } },
        extractorMessageReporting: {
          default: { logLevel: 'error' as never },
          // The comments are written for readers, not for a generator of pages.
          'ae-missing-release-tag': { logLevel: 'none' as never },
          // Whatever a published type names can be imported by name.
          'ae-forgotten-export': { logLevel: 'error' as never },
          // Every name and member that a user sees says what it is; the ports of drivers are described as a whole.
          'ae-undocumented': { logLevel: (name === 'conformance' ? 'none' : 'error') as never },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' as never } },
      },
    },
  })
  const result = Extractor.invoke(config, {
    localBuild: write,
    messageCallback: (message: ExtractorMessage) => {
      message.handled = true
      // Said below in our own words.
      if (message.messageId.startsWith('console-api-report-')) return
      // ErrorCode is the keys of this table; docs/errors.md shows them, one heading for each.
      if (message.messageId === 'ae-forgotten-export' && message.text.includes('"ERRORS"')) {
        // Handled isn't enough: at level error it would still count, and fail the check without a word.
        message.logLevel = 'none' as never
        return
      }
      if (message.logLevel === 'error' || message.logLevel === 'warning')
        messages.push(message.formatMessageWithLocation(resolve('.')))
    },
  })
  if (result.apiReportChanged && !write)
    messages.push(`docs/api/${name}.api.md differs from the types; if that is meant: npm run api`)
  if (messages.length > 0 || !result.succeeded) throw new Error(messages.join('\n') || 'the extractor failed')
}
