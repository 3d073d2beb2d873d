import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { factorize, solveFactorized } from '../../../src/fitting/linear-algebra/cholesky.js';
import {
  identity,
  type Matrix,
  timesVector,
  transposed,
  zeros,
} from '../../../src/fitting/linear-algebra/matrix.js';
import { Products } from '../../../src/fitting/linear-algebra/products.js';
import { topEigenvector } from '../../../src/fitting/linear-algebra/top-eigenvector.js';
import { dot, norm, pearson } from '../../../src/fitting/linear-algebra/vectors.js';
import { predictions, WeightedRidge } from '../../../src/fitting/linear-algebra/weighted-ridge.js';
import { entry, largestDifference, randomMatrix, reflect, slowProduct } from './random-matrix.js';

let products: Products;
before(async () => {
  products = await Products.open();
});
after(() => products.release());

/** Symmetric with these eigenvalues: mirrored twice from the diagonal. */
function withEigenvalues(values: readonly number[]): { matrix: Matrix; vectors: Float64Array[] } {
  const n = values.length;
  const axes = [randomMatrix(1, n, 7).data, randomMatrix(1, n, 8).data];
  const vectors = values.map((_, i) =>
    axes.reduce<Float64Array>(
      (vector, axis) => reflect(vector, axis),
      identity(n).data.slice(i * n, (i + 1) * n),
    ),
  );
  const matrix = zeros(n, n);
  for (const [k, vector] of vectors.entries()) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++)
        matrix.data[i * n + j] =
          entry(matrix, i, j) + (values[k] as number) * (vector[i] as number) * (vector[j] as number);
    }
  }
  return { matrix, vectors };
}

test('products are those of the triple loop, whichever operand lies transposed', () => {
  for (const [m, k, n] of [
    [1, 1, 1],
    [3, 1, 5],
    [17, 33, 9],
    [70, 40, 65],
  ] as const) {
    const a = randomMatrix(m, k, 1);
    const b = randomMatrix(k, n, 2);
    const expected = slowProduct(a, b).data;
    assert.ok(largestDifference(products.multiply(a, b).data, expected) < 1e-13);
    assert.ok(largestDifference(products.multiply(transposed(a), b, 'first').data, expected) < 1e-13);
    assert.ok(largestDifference(products.multiply(a, transposed(b), 'second').data, expected) < 1e-13);
    const into = randomMatrix(m, n, 3);
    assert.equal(products.multiply(a, b, 'neither', into), into);
    assert.ok(largestDifference(into.data, expected) < 1e-13);
  }
});

test('a sum of nothing is zero, and sizes that do not match are refused', () => {
  const empty = products.multiply(zeros(2, 0), zeros(0, 3), 'neither', randomMatrix(2, 3));
  assert.deepEqual([...empty.data], [0, 0, 0, 0, 0, 0]);
  assert.throws(() => products.multiply(zeros(2, 3), zeros(2, 3)), /cannot multiply \[2, 3\] by \[2, 3\]/);
  assert.throws(() => products.multiply(zeros(2, 3), zeros(3, 2), 'neither', zeros(2, 3)), RangeError);
});

test('what is called before a product can end it', async () => {
  let stopped = false;
  const own = await Products.open(() => {
    if (stopped) throw new Error('stopped');
  });
  assert.equal(own.multiply(identity(2), identity(2)).data[0], 1);
  stopped = true;
  assert.throws(() => own.multiply(identity(2), identity(2)), /stopped/);
  own.release();
});

test("Cholesky: L L' is the matrix at every block boundary, and its solution solves", () => {
  for (const n of [1, 2, 47, 48, 49, 96, 131]) {
    const root = randomMatrix(n, n + 3, n);
    const matrix = products.multiply(root, root, 'second');
    const factor = { ...matrix, data: matrix.data.slice() };
    // Only the lower triangle is to be read.
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) factor.data[i * n + j] = Number.NaN;
    assert.ok(factorize(factor, products));
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) factor.data[i * n + j] = 0;
    const again = slowProduct(factor, transposed(factor));
    assert.ok(largestDifference(again.data, matrix.data) < 1e-11 * n);
    const x = randomMatrix(1, n, 5).data;
    assert.ok(
      largestDifference(
        timesVector(matrix, solveFactorized(factor, timesVector(matrix, x))),
        timesVector(matrix, x),
      ) < 1e-7,
    );
  }
});

test('Cholesky says when a matrix is not positive definite', () => {
  const indefinite = withEigenvalues([3, 2, 1, -1]).matrix;
  assert.equal(factorize(indefinite, products), false);
  const unknown = identity(60);
  unknown.data[50 * 60 + 3] = Number.NaN;
  assert.equal(factorize(unknown, products), false);
});

test('the top eigenvector, with a wide gap and with hardly any', () => {
  for (const [second, tolerance] of [
    [0.1, 1e-9],
    [0.99, 1e-7],
    [0.99999, 1e-4],
  ] as const) {
    const values = [1, second, ...Array.from({ length: 90 }, (_, i) => 0.5 / (i + 1))];
    const { matrix, vectors } = withEigenvalues(values);
    const { value, vector } = topEigenvector(matrix);
    assert.ok(Math.abs(value - 1) < 1e-9);
    assert.ok(Math.abs(norm(vector) - 1) < 1e-12);
    assert.ok(1 - Math.abs(dot(vector, vectors[0] as Float64Array)) < tolerance);
    assert.deepEqual(topEigenvector(matrix).vector, vector);
  }
});

test('eigenvectors of small, scaled, multiple and vanishing spectra', () => {
  assert.equal(topEigenvector(zeros(5, 5)).value, 0);
  assert.equal(topEigenvector(withEigenvalues([4]).matrix).value, 4);
  for (const factor of [1e-12, 1, 1e12]) {
    const { matrix, vectors } = withEigenvalues([9, 4, 1].map((value) => value * factor));
    const { value, vector } = topEigenvector(matrix);
    assert.ok(Math.abs(value / factor - 9) < 1e-9);
    assert.ok(Math.abs(Math.abs(dot(vector, vectors[0] as Float64Array)) - 1) < 1e-9);
  }
  // Any vector of a double eigenvalue will do, as long as it is one.
  const { matrix } = withEigenvalues([2, 2, 1, 0, 0]);
  const { vector } = topEigenvector(matrix);
  assert.ok(
    largestDifference(
      timesVector(matrix, vector),
      vector.map((x) => 2 * x),
    ) < 1e-8,
  );
});

test('weighted ridge is stationary in both spaces, and its intercept is free', () => {
  for (const [n, columns] of [
    [12, 30],
    [30, 12],
  ] as const) {
    const rows = randomMatrix(n, columns, 3);
    const targets = randomMatrix(1, n, 4).data;
    const weights = randomMatrix(1, n, 5).data.map((x) => 1.1 + x);
    const penalty = 0.3;
    const fit = new WeightedRidge(rows, products).solve(weights, targets, penalty);
    assert.ok(fit !== null);
    const residuals = predictions(rows, fit).map(
      (y, i) => (weights[i] as number) * ((targets[i] as number) - y),
    );
    assert.ok(Math.abs(residuals.reduce((sum, x) => sum + x, 0)) < 1e-10);
    const gradient = timesVector(transposed(rows), residuals);
    assert.ok(
      largestDifference(
        gradient,
        fit.coefficients.map((b) => penalty * b),
      ) < 1e-10,
    );
    const moved = new WeightedRidge(rows, products).solve(
      weights,
      targets.map((y) => y + 5),
      penalty,
    );
    assert.ok(largestDifference(moved?.coefficients ?? [], fit.coefficients) < 1e-10);
    assert.ok(Math.abs((moved?.intercept ?? 0) - fit.intercept - 5) < 1e-10);
  }
});

test("Pearson's r knows slope and offset from order", () => {
  const x = Float64Array.of(1, 2, 4, 8);
  assert.ok(
    Math.abs(
      pearson(
        x,
        x.map((value) => 3 - 2 * value),
      ) + 1,
    ) < 1e-12,
  );
  assert.ok(Number.isNaN(pearson(x, new Float64Array(4))));
  assert.ok(Math.abs(pearson(Float64Array.of(1, -1, 1, -1), Float64Array.of(1, 1, -1, -1))) < 1e-12);
});
