package artifacts

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypeScript(t *testing.T) {
	document := `{
	 "paths": {"/v1/notes/{id}": {"get": {
	  "operationId": "notes_get", "summary": "Read notes.", "security": [{"accessToken": []}],
	  "parameters": [
	   {"in": "path", "name": "id", "required": true, "schema": {"type": "string"}},
	   {"in": "query", "name": "from", "description": "After it.", "schema": {"type": "integer"}},
	   {"in": "header", "name": "Idempotency-Key", "schema": {"type": "string"}}],
	  "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Notes"}}}}, "404": {}}}},
	  "/v1/gone": {"delete": {"operationId": "gone", "summary": "Gone.", "responses": {"204": {}}}},
	  "/v1/notes": {"post": {"operationId": "notes_add", "summary": "Add notes.", "security": [{"accessToken": []}],
	   "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Notes"}}}}, "responses": {"204": {}}}},
	  "/v1/notes/{id}/tags/{tag}": {"delete": {"operationId": "notes_untag", "summary": "Take a tag away.", "security": [{"accessToken": []}], "responses": {"204": {}}}},
	  "/v1/me": {"get": {"operationId": "users_get", "summary": "Who I am.", "security": [{"accessToken": []}], "responses": {"204": {}}}}},
	 "components": {"schemas": {"Notes": {"type": "object", "required": ["version", "ops", "next"], "properties": {
	  "version": {"type": "integer", "description": "Counts changes."},
	  "next": {"type": ["string", "null"]},
	  "state": {"type": "string", "enum": ["a", "b"]},
	  "ops": {"type": "array", "items": {"oneOf": [{"$ref": "#/components/schemas/Insert"}, {"type": "object", "required": ["x-y"], "properties": {"x-y": {"type": "number"}}}]}},
	  "any": {}}}}}}`
	want := `// Written by ` + "`make codegen`" + ` from the declarations in functions/; not by hand.

/** The requests and answers of the API, by name. */
export interface Schemas {
  readonly Notes: {
    readonly any?: unknown;
    readonly next: string | null;
    readonly ops: readonly (Schemas["Insert"] | { readonly "x-y": number })[];
    readonly state?: "a" | "b";
    /** Counts changes. */
    readonly version: number;
  };
}

/** The calls of the API, by operation: what each takes and answers. */
export interface Operations {
  /** DELETE /v1/gone: Gone. */
  gone: {
    readonly answer: undefined;
  };
  /** POST /v1/notes: Add notes. */
  notes_add: {
    readonly body: Schemas["Notes"];
    readonly answer: undefined;
  };
  /** GET /v1/notes/{id}: Read notes. */
  notes_get: {
    readonly path: {
      readonly id: string;
    };
    readonly query: {
      /** After it. */
      readonly from?: number;
    };
    readonly answer: Schemas["Notes"];
  };
  /** DELETE /v1/notes/{id}/tags/{tag}: Take a tag away. */
  notes_untag: {
    readonly answer: undefined;
  };
  /** GET /v1/me: Who I am. */
  users_get: {
    readonly answer: undefined;
  };
}

/** The methods that call the API as a signed-in person; ` + "`Options`" + ` is what every call takes beside its input. */
export interface Methods<Options> {
  /** Who I am. */
  me(options?: Options): Promise<Operations["users_get"]["answer"]>;
  readonly notes: {
    /** Add notes. */
    add(body: Operations["notes_add"]["body"], options?: Options): Promise<Operations["notes_add"]["answer"]>;
    /** Read notes. */
    get(id: string, query?: Operations["notes_get"]["query"], options?: Options): Promise<Operations["notes_get"]["answer"]>;
    /** Take a tag away. */
    untag(id: string, tag: string, options?: Options): Promise<Operations["notes_untag"]["answer"]>;
  };
}

/** Method and path of each; the third word says what the call takes after the path's parameters. */
export const routes = {
  me: "GET /v1/me",
  notes: {
    add: "POST /v1/notes body",
    get: "GET /v1/notes/{id} query",
    untag: "DELETE /v1/notes/{id}/tags/{tag}",
  },
} as const;
`
	got, err := typeScript([]byte(document), map[string]string{"users_get": "me"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Fatalf("types (-want +got):\n%s", diff)
	}
}

func TestTypeScriptRefuses(t *testing.T) {
	const two = `{"paths": {"/a": {"get": {"operationId": "a_x", "security": [{}]}}, "/b": {"get": {"operationId": "b_x", "security": [{}]}}}}`
	tests := []struct {
		name, document, want string
		names                map[string]string
	}{
		{"a schema type that is not known", `{"components": {"schemas": {"X": {"type": "tuple"}}}}`, `"tuple"`, nil},
		{"a name for what is no operation", `{}`, "no operation", map[string]string{"gone_get": "gone"}},
		{"two operations of one name", two, "both called b.x", map[string]string{"a_x": "b.x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := typeScript([]byte(tt.document), tt.names)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
