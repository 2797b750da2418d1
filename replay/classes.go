package replay

// Classes lists the classes in the order of the reports.
func Classes() []Class {
	return []Class{ClassOwner, ClassForeign, ClassPinned, ClassHousekeeping, ClassRecorder, ClassIdle, ClassUnknown}
}
