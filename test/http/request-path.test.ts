/** Paths as base URLs make them mean the route that was meant. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOfUrl, meantUrl } from '../../src/http/request-path.js';

test('slashes too many, and /v1 too often or not at all', () => {
  for (const [sent, meant] of [
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/v1/chat/completions/', '/v1/chat/completions'],
    ['//v1//chat/completions//?a=//', '/v1/chat/completions?a=//'],
    ['/chat/completions', '/v1/chat/completions'],
    ['/v1/v1/models', '/v1/models'],
    ['/models/a%2Fb', '/v1/models/a%2Fb'],
    ['/tokenize/', '/tokenize'],
    ['/health', '/health'],
    ['/', '/'],
    ['/docs/', '/docs/'],
    ['/docs//static/x.js', '/docs/static/x.js'],
    ['/v1/concepts/v1', '/v1/concepts/v1'],
    ['/api/chat', '/api/chat'],
    ['http://localhost:8080/v1/models?a=http://b/', '/v1/models?a=http://b/'],
    ['HTTPS://box', '/'],
    ['http://box?a', '/?a'],
    ['*', '*'],
  ] as const)
    assert.equal(meantUrl(sent), meant, sent);
});

test('what is meant stays what it is', () => {
  for (const url of ['//chat/completions/', '/v1/v1//models/?x', '/docs/', '/a//b/'])
    assert.equal(meantUrl(meantUrl(url)), meantUrl(url));
});

test('the host of a whole URL, and none of a path', () => {
  for (const [url, host] of [
    ['http://evil.example:80/v1/models', 'evil.example:80'],
    ['http://[::1]:80/', '[::1]:80'],
    ['http:///x', ''],
    ['/http://evil.example/', undefined],
  ] as const)
    assert.equal(hostOfUrl(url), host, url);
});
