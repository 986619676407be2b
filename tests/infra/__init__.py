"""The infrastructure, checked without Azure: by the Bicep compiler, its snapshots, and Microsoft's KQL analyser."""
