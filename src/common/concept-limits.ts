/** How large a concept may be, whatever model it is for: checked where one is made, read, imported or sent inline. */
export const conceptLimits = {
  /** Unicode characters. */
  name: 128,
  model: 256,
  /** Characters of the names of recipe, method and calibration method. */
  label: 256,
  prefix: 65_536,
  /** L */
  layers: 4096,
  /** H */
  hiddenSize: 131_072,
  /** L * H */
  elements: 16_777_216,
  /** Characters of the record and of the calibration's details, as canonical JSON. */
  json: 4_194_304,
} as const;
