import type { Awaitable } from '../file-store.ts'
import type { ConformanceCase } from './case.ts'
import { contentCases } from './file-store/content-cases.ts'
import { directoryCases } from './file-store/directory-cases.ts'
import type { FileStoreFixture } from './file-store/fixture.ts'
import { lockCases } from './file-store/lock-cases.ts'
import { manifestCases } from './file-store/manifest-cases.ts'
import { openCases } from './file-store/open-cases.ts'
import { powerCases } from './file-store/power-cases.ts'

/** A file store is one that passes all of these; the names say which sentence of file-store.ts each holds it to. */
export function fileStoreConformance(create: () => Awaitable<FileStoreFixture>): readonly ConformanceCase[] {
  const cases = { ...manifestCases, ...openCases, ...contentCases, ...directoryCases, ...lockCases, ...powerCases }
  return Object.entries(cases).map(([name, act]) => ({
    name,
    async run(): Promise<void> {
      const fixture = await create()
      try {
        await act(fixture)
      } finally {
        await fixture.dispose()
      }
    },
  }))
}
