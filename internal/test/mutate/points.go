package main

import (
	"fmt"
	"go/ast"
	"go/token"
)

// This file says what can be wrong where. Each fault is written around the source, so that
// several can lie in each other; what is written is the fault's function in helpers (overlay.go).

// statements leaves out what has an effect and declares nothing.
func (w *walker) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if !isPanic(s.X) {
				w.leaveOut(s, "left out")
			}
		case *ast.IncDecStmt:
			w.leaveOut(s, "left out")
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				w.leaveOut(s, "left out")
			}
		case *ast.RangeStmt:
			w.leaveOut(s, "loop left out")
		case *ast.ForStmt:
			if s.Cond != nil { // or it is what ends the function
				w.leaveOut(s, "loop left out")
			}
		}
	}
}

// A function with a result may end with a panic instead of a return.
func isPanic(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	f, ok := c.Fun.(*ast.Ident)
	return ok && f.Name == "panic"
}

func (w *walker) leaveOut(s ast.Stmt, kind string) {
	w.wrap(s, fmt.Sprintf("if !mutOn(%d) { ", w.fault(s, kind)), " }")
}

// condition negates the operands of && and || in a condition, or all of it if it has none.
func (w *walker) condition(e ast.Expr) {
	switch x := e.(type) {
	case *ast.ParenExpr:
		w.condition(x.X)
		return
	case *ast.BinaryExpr:
		if x.Op == token.LAND || x.Op == token.LOR {
			w.condition(x.X)
			w.condition(x.Y)
			return
		}
	}
	w.wrap(e, "(", fmt.Sprintf(") != mutOn(%d)", w.fault(e, "negated")))
}

// value is condition for an expression that need not be a truth value.
func (w *walker) value(e ast.Expr) {
	switch x := e.(type) {
	case *ast.ParenExpr:
		w.value(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			w.condition(e)
		}
	case *ast.BinaryExpr:
		switch x.Op {
		case token.LAND, token.LOR, token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			w.condition(e)
		}
	}
}

// cases are the conditions of a switch without a tag.
func (w *walker) cases(s *ast.SwitchStmt) {
	if s.Tag != nil {
		return
	}
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			w.condition(e)
		}
	}
}

var bounds = map[token.Token]string{token.LSS: "mutLess", token.LEQ: "mutLessEq", token.GTR: "mutMore", token.GEQ: "mutMoreEq"}

func (w *walker) binary(x *ast.BinaryExpr) {
	switch x.Op {
	case token.LAND:
		w.call(x, "mutAnd", "|| for &&", ", func() bool { return ", " })")
	case token.LOR:
		w.call(x, "mutOr", "&& for ||", ", func() bool { return ", " })")
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		w.call(x, bounds[x.Op], "bound off by one", ", ", ")")
	case token.EQL:
		w.constant(x, "mutIs")
	case token.NEQ:
		w.constant(x, "mutIsNot")
	case token.ADD:
		w.constant(x, "mutAdd")
	case token.SUB:
		w.constant(x, "mutSub")
	}
}

// constant makes a number that stands behind an operator one bigger.
func (w *walker) constant(x *ast.BinaryExpr, function string) {
	if n, ok := x.Y.(*ast.BasicLit); ok && n.Kind == token.INT && !w.isConstant(x.X) {
		w.call(x, function, "constant off by one", ", ", ")")
	}
}

// isConstant reports what may be part of a constant expression, as far as can be seen.
func (w *walker) isConstant(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.BinaryExpr:
		return w.isConstant(x.X) || x.Op == token.SHL
	case *ast.SelectorExpr: // of another package
		id, ok := x.X.(*ast.Ident)
		return ok && w.imports[id.Name]
	case *ast.Ident:
		return len(x.Name) > 3 && x.Name[:3] == "num"
	}
	return false
}

func (w *walker) call(x *ast.BinaryExpr, function, kind, between, post string) {
	w.wrap(x, fmt.Sprintf("%s(%d, ", function, w.fault(x, kind)), post)
	w.instead(x.X, x.Y, between)
}

// branch has a loop go on where it is to end, or end where it is to go on.
func (w *walker) branch(s *ast.BranchStmt) {
	if w.loops == 0 || s.Label != nil {
		return
	}
	switch s.Tok {
	case token.BREAK:
		w.wrap(s, fmt.Sprintf("if mutOn(%d) { continue }; ", w.fault(s, "continue for break")), "")
	case token.CONTINUE:
		if w.endless { // the function would lack a return
			return
		}
		w.wrap(s, fmt.Sprintf("if mutOn(%d) { break }; ", w.fault(s, "break for continue")), "")
	}
}
