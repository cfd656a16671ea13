package people

import (
	"context"
	"time"

	"github.com/rapport/rapport/shared/core/caller"
	"github.com/rapport/rapport/shared/core/effect"
	"github.com/rapport/rapport/shared/core/errs"
	"github.com/rapport/rapport/shared/core/idempotency"
	"github.com/rapport/rapport/shared/core/table"
)

// Block is somebody whom the caller has blocked, as stored and answered.
type Block struct {
	UserID    string    `json:"userId"`
	BlockedAt time.Time `json:"blockedAt"`
}

// PersonRequest names a person.
type PersonRequest struct {
	UserID string `path:"userId" minLength:"1" maxLength:"255"`
}

// BlockPerson blocks somebody, which ends all connections and requests between the
// two; they aren't told, and for each the other is nobody from then on. Who is
// blocked already stays so. NOT_FOUND for nobody, VALIDATION_ERROR for oneself.
func (s *Service) BlockPerson(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in PersonRequest) (Block, effect.Effects, error) {
	if in.UserID == c.UserID {
		return Block{}, nil, errs.Invalid("path.userId", "must be somebody else")
	}
	var block Block
	err := s.change(ctx, c, execution, in.UserID, func(ch *changing) error {
		if !ch.known {
			return nobody()
		}
		at, standing := ch.next.Blocks[c.UserID]
		if !standing {
			at = ch.now
		}
		block = Block{UserID: in.UserID, BlockedAt: at}
		ch.unchanged = standing
		ch.next.Blocks[c.UserID] = at
		clear(ch.next.Relations)
		ch.answer = block
		return nil
	})
	return block, nil, err
}

// Unblock takes the caller's block of somebody away; what it ended doesn't come
// back, and a block by the other stays. Who isn't blocked stays so. NOT_FOUND for
// nobody.
func (s *Service) Unblock(ctx context.Context, c caller.Caller, execution *idempotency.Execution, in PersonRequest) (struct{}, effect.Effects, error) {
	err := s.change(ctx, c, execution, in.UserID, func(ch *changing) error {
		if !ch.known {
			return nobody()
		}
		_, standing := ch.next.Blocks[c.UserID]
		ch.unchanged = !standing
		delete(ch.next.Blocks, c.UserID)
		ch.answer = struct{}{}
		return nil
	})
	return struct{}{}, nil, err
}

// ListBlocksRequest asks for a page of those whom the caller has blocked.
type ListBlocksRequest struct {
	Limit  *int   `query:"limit" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" minLength:"1" maxLength:"1400"`
}

// ListBlocks gives those whom the caller has blocked, in the order of their ids.
func (s *Service) ListBlocks(ctx context.Context, c caller.Caller, in ListBlocksRequest) (List[Block], error) {
	return own[Block](ctx, s.data, "blocks of "+c.UserID, in.Limit, in.Cursor, table.Query{
		PK: personPrefix + c.UserID, Prefix: blockPrefix,
	})
}
